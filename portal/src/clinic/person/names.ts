// How a person's name is written: the one place that says which name, in which order, and where the honorific stands.
import type { NameUse, PatientView } from '../../api/clinic.gen.ts';

type Names = NonNullable<PatientView['names']>;

/** The name to show, as the server picks and writes it for lists (app/src/patients/names.rs). */
export function displayName(names: Names): string {
  const of = (usage: NameUse) => names.find(({ use }) => use === usage);
  const name = of('usual') ?? of('official') ?? names[0];
  return name ? nameLine(name) : '';
}

/** Given names and then the family's, as both regions and all languages of the portal have it; nothing is turned round. */
export function nameLine(name: Names[number]): string {
  return [...(name.given ?? []), name.family].filter(Boolean).join(' ');
}

/** With the honorific, which goes before the name in both regions. */
export function fullName(name: Names[number]): string {
  return [name.prefix, nameLine(name)].filter(Boolean).join(' ');
}
