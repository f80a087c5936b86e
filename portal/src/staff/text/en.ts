// What clinic staff read, in one file to load.
import { clinic } from '../../text/en/clinic.ts';
import { common } from '../../text/en/common.ts';
import { log } from '../../text/en/log.ts';
import { looks } from '../../text/en/looks.ts';
import { office } from '../../text/en/office.ts';
import { staff } from '../../text/en/staff.ts';

export const catalog = { ...common, ...clinic, ...looks, ...log, ...staff, ...office };
