// What patients read, in one file to load; where a word is everybody's too, patients read their own.
import { clinic } from '../../text/en/clinic.ts';
import { common } from '../../text/en/common.ts';
import { looks } from '../../text/en/looks.ts';
import { patient } from '../../text/en/patient.ts';

export const catalog = { ...common, ...clinic, ...looks, ...patient };
