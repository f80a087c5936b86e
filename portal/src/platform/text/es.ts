// What platform administrators read, in one file to load.
import { common } from '../../text/es/common.ts';
import { platform } from '../../text/es/platform.ts';

export const catalog = { ...common, ...platform };
