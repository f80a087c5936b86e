// What clinic staff read, in one file to load.
import { common } from '../../text/es/common.ts';
import { staff } from '../../text/es/staff.ts';

export const catalog = { ...common, ...staff };
