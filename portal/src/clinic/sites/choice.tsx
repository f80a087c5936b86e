// Choosing among the clinic's sites: one box to tick for each.
import type { UseFormRegisterReturn } from 'react-hook-form';
import type { SiteView } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';

interface Props {
  sites: SiteView[];
  legend: string;
  fault: string | undefined;
  /** The form's field, a list of the ids that are ticked. */
  field: UseFormRegisterReturn;
}

export function SiteChoice({ sites, legend, fault, field }: Props) {
  const { t } = useText();
  return (
    <fieldset className="ticks">
      <legend>{legend}</legend>
      {sites.map((one) => (
        <label key={one.id} className="check">
          <input type="checkbox" value={one.id} {...field} />
          <span>
            <bdi>{one.name}</bdi> {one.closed_at && <span className="tag">{t('sites.is_closed')}</span>}
          </span>
        </label>
      ))}
      {fault && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
    </fieldset>
  );
}
