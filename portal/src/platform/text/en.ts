// What platform administrators read, in one file to load.
import { common } from '../../text/en/common.ts';
import { platform } from '../../text/en/platform.ts';

export const catalog = { ...common, ...platform };
