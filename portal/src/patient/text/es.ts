// What patients read, in one file to load; where a word is everybody's too, patients read their own.
import { clinic } from '../../text/es/clinic.ts';
import { common } from '../../text/es/common.ts';
import { looks } from '../../text/es/looks.ts';
import { patient } from '../../text/es/patient.ts';

export const catalog = { ...common, ...clinic, ...looks, ...patient };
