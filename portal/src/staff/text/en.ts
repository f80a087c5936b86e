// What clinic staff read, in one file to load.
import { common } from '../../text/en/common.ts';
import { staff } from '../../text/en/staff.ts';

export const catalog = { ...common, ...staff };
