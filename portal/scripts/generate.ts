// Makes the API clients from the committed OpenAPI documents; tests/unit/generated.test.ts writes or compares them.
import { readFileSync } from 'node:fs';

type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: string[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: boolean | Schema;
};
type Media = { content?: Record<string, { schema?: Schema }> };
type Operation = {
  operationId: string;
  summary?: string;
  requestBody?: Media;
  responses: Record<string, Media>;
};
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

const REPOSITORY = new URL('../../', import.meta.url);
const CLIENTS = [
  { from: 'app/openapi/clinic.json', to: 'clinic' },
  { from: 'app/openapi/platform.json', to: 'platform' },
];
const MATRIX = 'app/tests/ratchets/authz-matrix.txt';
const DEEDS = 'app/tests/ratchets/access-report-words.txt';

function readDocument(path: string): Document {
  return JSON.parse(readFileSync(new URL(path, REPOSITORY), 'utf8')) as Document;
}

const refName = (ref: string) => ref.replace('#/components/schemas/', '');

/** The schema as a Valibot expression. */
function expression(schema: Schema): string {
  if (schema.$ref) return `v.lazy(() => ${refName(schema.$ref)})`;
  const oneOf = schema.oneOf ?? schema.anyOf;
  if (oneOf) {
    const present = oneOf.filter((one) => one.type !== 'null');
    const literals = present.flatMap((one) => one.enum ?? []);
    const joined =
      present.length === 1
        ? expression(present[0] as Schema)
        : literals.length === present.length
          ? picklist(literals)
          : `v.union([${present.map(expression).join(', ')}])`;
    return present.length === oneOf.length ? joined : `v.nullish(${joined})`;
  }
  if (schema.allOf) {
    return schema.allOf.length === 1
      ? expression(schema.allOf[0] as Schema)
      : `v.intersect([${schema.allOf.map(expression).join(', ')}])`;
  }
  const types = [schema.type ?? 'unknown'].flat();
  const type = types.find((one) => one !== 'null') ?? 'unknown';
  const nullable = types.includes('null');
  const inner = plain(type, schema);
  return nullable ? `v.nullish(${inner})` : inner;
}

const picklist = (values: string[]) => `v.picklist([${values.map((value) => `'${value}'`).join(', ')}])`;

function plain(type: string, schema: Schema): string {
  switch (type) {
    case 'string':
      return schema.enum ? picklist(schema.enum) : 'v.string()';
    case 'integer':
    case 'number':
      return 'v.number()';
    case 'boolean':
      return 'v.boolean()';
    case 'array':
      return `v.array(${schema.items ? expression(schema.items) : 'v.unknown()'})`;
    case 'object':
      return objectOf(schema);
    default:
      return 'v.unknown()';
  }
}

function objectOf(schema: Schema): string {
  if (!schema.properties) {
    const values =
      typeof schema.additionalProperties === 'object' ? expression(schema.additionalProperties) : 'v.unknown()';
    return `v.record(v.string(), ${values})`;
  }
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(([name, field]) => {
    const value = expression(field);
    const optional = !required.has(name) && !value.startsWith('v.nullish');
    return `  ${/^\w+$/.test(name) ? name : `'${name}'`}: ${optional ? `v.optional(${value})` : value},`;
  });
  return `v.object({\n${fields.join('\n')}\n})`;
}

/** Schemas in an order in which each stands below what it uses. */
function ordered(schemas: Record<string, Schema>): string[] {
  const done: string[] = [];
  const visit = (name: string) => {
    if (done.includes(name) || !schemas[name]) return;
    for (const [, used] of JSON.stringify(schemas[name]).matchAll(/#\/components\/schemas\/(\w+)/g)) {
      if (used && used !== name) visit(used);
    }
    if (!done.includes(name)) done.push(name);
  };
  Object.keys(schemas).sort().forEach(visit);
  return done;
}

const json = (media: Media | undefined) => media?.content?.['application/json']?.schema;

function operation(path: string, method: string, it: Operation): string {
  const name = it.operationId.replace(/[._](\w)/g, (_all, letter: string) => letter.toUpperCase());
  const answers = Object.entries(it.responses).filter(([status]) => status.startsWith('2'));
  const answer = answers.map(([, response]) => json(response)).find((schema) => schema !== undefined);
  const body = json(it.requestBody);
  const types = `<${body ? typeName(body) : 'undefined'}, ${answer ? typeName(answer) : 'undefined'}>`;
  const schema = answer?.$ref ? `, ${refName(answer.$ref)}` : '';
  return `/** ${it.summary ?? it.operationId} */
export const ${name} = /* @__PURE__ */ operation${types}('${it.operationId}', '${method.toUpperCase()}', '${path}'${schema});`;
}

const typeName = (schema: Schema) => (schema.$ref ? refName(schema.$ref) : 'unknown');

function client(document: Document): string {
  const schemas = document.components.schemas;
  const parts = ordered(schemas).map((name) => {
    // The references inside are to schemas above, so nothing has to be lazy.
    const value = expression(schemas[name] as Schema).replace(/v\.lazy\(\(\) => (\w+)\)/g, '$1');
    return `export const ${name} = /* @__PURE__ */ ${pure(value)};\nexport type ${name} = v.InferOutput<typeof ${name}>;`;
  });
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, it]) => operation(path, method, it)),
  );
  const head = `// Generated from the committed OpenAPI document by scripts/generate.ts; do not edit.\nimport * as v from 'valibot';\nimport { operation } from './operation.ts';\n`;
  return `${[head, ...parts, ...operations].join('\n')}\n`;
}

/** Calls inside a call are marked too, so that what no screen uses is left out of the build. */
const pure = (value: string) => value.replace(/(?<=[\s([])v\.(\w+)\(/g, '/* @__PURE__ */ v.$1(');

/** Which roles may do which action, as the server's own test printed it. Only to leave out what would be refused. */
function matrix(): string {
  const text = readFileSync(new URL(MATRIX, REPOSITORY), 'utf8');
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  const rows = lines.map((line) => {
    const [action, ...roles] = line.trim().split(/\s+/);
    return `  '${action}': '${roles.join(' ')}',`;
  });
  return `// Generated from the server's authorization matrix by scripts/generate.ts; do not edit.\nexport const MATRIX = {\n${rows.join('\n')}\n} as const;\n`;
}

/** What an access report can say was done, as the server's own test printed it: every language has words for each. */
function deeds(): string {
  const text = readFileSync(new URL(DEEDS, REPOSITORY), 'utf8');
  const rows = text.split('\n').filter((line) => line && !line.startsWith('#'));
  const list = rows.map((word) => `  '${word}',`).join('\n');
  return `// Generated from the server's list by scripts/generate.ts; do not edit.\nexport const DEEDS = [\n${list}\n] as const;\nexport type Deed = (typeof DEEDS)[number];\n`;
}

/** Every generated file of `src/api`, by name. */
export function generated(): [string, string][] {
  const clients = CLIENTS.map(({ from, to }): [string, string] => [`${to}.gen.ts`, client(readDocument(from))]);
  return [...clients, ['matrix.gen.ts', matrix()], ['deeds.gen.ts', deeds()]];
}
