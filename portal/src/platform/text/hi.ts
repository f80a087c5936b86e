// What platform administrators read, in one file to load.
import { common } from '../../text/hi/common.ts';
import { platform } from '../../text/hi/platform.ts';

export const catalog = { ...common, ...platform };
