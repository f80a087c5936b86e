// Choosing among the clinic's sites: one box to tick for each.
import type { UseFormRegisterReturn } from 'react-hook-form';
import type { SiteView } from '../../api/clinic.gen.ts';

interface Props {
  sites: SiteView[];
  legend: string;
  fault: string | undefined;
  /** The form's field, a list of the ids that are ticked. */
  field: UseFormRegisterReturn;
}

export function SiteChoice({ sites, legend, fault, field }: Props) {
  return (
    <fieldset className="ticks">
      <legend>{legend}</legend>
      {sites.map((one) => (
        <label key={one.id} className="check">
          <input type="checkbox" value={one.id} {...field} />
          <bdi>{one.name}</bdi>
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
