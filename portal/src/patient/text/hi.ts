// What patients read, in one file to load; where a word is everybody's too, patients read their own.
import { clinic } from '../../text/hi/clinic.ts';
import { common } from '../../text/hi/common.ts';
import { looks } from '../../text/hi/looks.ts';
import { patient } from '../../text/hi/patient.ts';

export const catalog = { ...common, ...clinic, ...looks, ...patient };
