// Choosing what a program or an application may do: one box to tick for each.
import type { UseFormRegisterReturn } from 'react-hook-form';
import { useText } from '../../text/text.tsx';

interface Props {
  /** Names of actions. */
  offered: readonly string[];
  fault: string | undefined;
  /** The form's field, a list of the names that are ticked. */
  field: UseFormRegisterReturn;
}

export function Abilities({ offered, fault, field }: Props) {
  const { t } = useText();
  const ability = useAbility();
  return (
    <fieldset className="ticks">
      <legend>{t('programs.may')}</legend>
      {offered.map((name) => (
        <label key={name} className="check">
          <input type="checkbox" value={name} {...field} />
          <span>
            {ability(name)} <code className="quiet-text">{name}</code>
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

/** The words for an action; one that is offered nowhere here, but was registered by its name, has its name alone. */
export function useAbility(): (name: string) => string {
  const { t, has } = useText();
  return (name) => {
    const words = `client_scope.${name}`;
    return has(words) ? t(words) : '';
  };
}
