// What may be chosen when a document is added: the types that are taken, and the kinds that a role adds.
import { DocumentKind, MediaType, type Role } from '../../api/clinic.gen.ts';

/** Bytes of every part but the last; the server's own number comes with the announcement. */
export const FILE_MAX_BYTES = 5 * 2 ** 30;

/** The server's limits of what is said about a document (app/src/documents/rules.rs), in characters. */
export const TITLE_MAX_CHARS = 200;
export const NOTES_MAX_CHARS = 4_000;

/** Names end so where the browser knows no type. */
const ENDINGS: Record<string, MediaType> = {
  pdf: 'application/pdf',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  dcm: 'application/dicom',
  txt: 'text/plain',
  csv: 'text/csv',
};

/** What a file chooser offers. */
export const ACCEPT = Object.keys(ENDINGS)
  .map((ending) => `.${ending}`)
  .join(',');

/** The type of a file as the server names it; nothing where it would be refused. */
export function mediaTypeOf(file: Pick<File, 'name' | 'type'>): MediaType | undefined {
  const known = MediaType.options.find((type) => type === file.type);
  return known ?? ENDINGS[file.name.slice(file.name.lastIndexOf('.') + 1).toLowerCase()];
}

/** A title to begin with: the file's name without its ending. */
export const titleOf = (name: string) => name.replace(/\.[^.]*$/, '');

const DESK: DocumentKind[] = ['referral', 'consent_form', 'insurance_card', 'other'];

/** The kinds that a role adds, to leave out what the server would refuse. */
export function kindsOf(role: Role): readonly DocumentKind[] {
  switch (role) {
    case 'physician':
      return DocumentKind.options;
    case 'nurse':
      return DocumentKind.options.filter((kind) => kind !== 'prescription');
    case 'receptionist':
      return DESK;
    case 'lab_technician':
      return ['lab_report', 'image'];
    case 'billing':
      return ['insurance_card'];
    default:
      return [];
  }
}
