// Patients in a table that becomes a list of cards on a narrow screen.
import { Link } from 'wouter';
import type { BriefView, Likeness } from '../../api/clinic.gen.ts';
import { clinic } from '../../paths.ts';
import { useText } from '../../text/text.tsx';

interface Props {
  patients: BriefView[];
  /** What each has in common with the one in question. */
  same?: ReadonlyMap<string, Likeness[]>;
}

export function PatientTable({ patients, same }: Props) {
  const { t, date } = useText();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('person.name')}</th>
          <th scope="col">{t('person.birth_date')}</th>
          <th scope="col">{t('person.mrn')}</th>
          <th scope="col">{t('person.identifiers')}</th>
          {same && <th scope="col">{t('duplicate.same')}</th>}
        </tr>
      </thead>
      <tbody>
        {patients.map((patient) => (
          <tr key={patient.id}>
            <th scope="row">
              <Link href={clinic.patient(patient.id)}>
                <bdi>{patient.name ?? '–'}</bdi>
              </Link>
            </th>
            <td data-label={t('person.birth_date')}>{patient.birth_date ? date(patient.birth_date) : '–'}</td>
            <td data-label={t('person.mrn')}>
              <bdi>{patient.mrn ?? '–'}</bdi>
            </td>
            <td data-label={t('person.identifiers')}>
              {(patient.identifiers ?? []).length > 0
                ? (patient.identifiers ?? []).map((identifier) => (
                    <span className="tag" key={`${identifier.kind} ${identifier.value}`}>
                      {t(`identifier.${identifier.kind}`)} <bdi>{identifier.value}</bdi>
                    </span>
                  ))
                : '–'}
            </td>
            {same && (
              <td data-label={t('duplicate.same')}>
                {same.get(patient.id)?.map((likeness) => (
                  <span className="tag" key={likeness}>
                    {t(`likeness.${likeness}`)}
                  </span>
                ))}
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
