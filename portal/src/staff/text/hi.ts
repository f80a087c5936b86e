// What clinic staff read, in one file to load.
import { common } from '../../text/hi/common.ts';
import { staff } from '../../text/hi/staff.ts';

export const catalog = { ...common, ...staff };
