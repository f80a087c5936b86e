// What clinic staff read, in one file to load.
import { clinic } from '../../text/hi/clinic.ts';
import { common } from '../../text/hi/common.ts';
import { looks } from '../../text/hi/looks.ts';
import { office } from '../../text/hi/office.ts';
import { staff } from '../../text/hi/staff.ts';

export const catalog = { ...common, ...clinic, ...looks, ...staff, ...office };
