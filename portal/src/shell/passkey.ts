// The browser's part of a passkey: the server's options in, what the authenticator made out.
import { CallError } from '../api/call.ts';
// Both APIs say these three alike: they are of one module of the server.
import type { AssertionInput, CeremonyView, RegistrationInput } from '../api/clinic.gen.ts';

/** Whether this browser can take options as the server writes them (Web Authentication level 3, 5.1.8 and 5.1.9). */
export const passkeysWork = () =>
  'PublicKeyCredential' in window && 'parseRequestOptionsFromJSON' in PublicKeyCredential;

/** Nobody showed an authenticator in time, or it was put away; browsers do not say which. */
function noPasskey(): never {
  throw new CallError(0, 'no_passkey');
}

/** A new passkey for the options. */
export async function createPasskey({ public_key }: CeremonyView): Promise<RegistrationInput> {
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(
    public_key as unknown as PublicKeyCredentialCreationOptionsJSON,
  );
  const made = await navigator.credentials.create({ publicKey: options }).catch(noPasskey);
  if (!(made instanceof PublicKeyCredential)) return noPasskey();
  return made.toJSON() as unknown as RegistrationInput;
}

/** The answer of a passkey to the options' challenge. */
export async function answerWithPasskey({ public_key }: CeremonyView): Promise<AssertionInput> {
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(
    public_key as unknown as PublicKeyCredentialRequestOptionsJSON,
  );
  const found = await navigator.credentials.get({ publicKey: options }).catch(noPasskey);
  if (!(found instanceof PublicKeyCredential)) return noPasskey();
  return found.toJSON() as unknown as AssertionInput;
}
