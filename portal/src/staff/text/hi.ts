// What clinic staff read, in one file to load.
import { clinic } from '../../text/hi/clinic.ts';
import { common } from '../../text/hi/common.ts';
import { log } from '../../text/hi/log.ts';
import { looks } from '../../text/hi/looks.ts';
import { office } from '../../text/hi/office.ts';
import { staff } from '../../text/hi/staff.ts';

export const catalog = { ...common, ...clinic, ...looks, ...log, ...staff, ...office };
