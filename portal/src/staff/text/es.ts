// What clinic staff read, in one file to load.
import { clinic } from '../../text/es/clinic.ts';
import { common } from '../../text/es/common.ts';
import { log } from '../../text/es/log.ts';
import { looks } from '../../text/es/looks.ts';
import { office } from '../../text/es/office.ts';
import { staff } from '../../text/es/staff.ts';

export const catalog = { ...common, ...clinic, ...looks, ...log, ...staff, ...office };
