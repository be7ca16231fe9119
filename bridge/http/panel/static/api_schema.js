// Schemas of the API's description, as a reader and a form need them.

export function resolved(schema, description) {
  if (!schema?.$ref) return schema;
  return schema.$ref.slice(2).split('/').reduce((at, part) => at?.[part], description);
}

// A schema in a few words: its type, or the values that it may have.
export function typeOf(schema, description) {
  const found = resolved(schema, description);
  if (!found) return '';
  if (found.enum) return found.enum.join(' | ');
  if (found.const !== undefined) return String(found.const);
  const types = found.anyOf?.map((one) => typeOf(one, description));
  if (types) return types.filter((one) => one !== 'null').join(' | ');
  return [found.type, found.default === undefined || found.default === null ? '' : `= ${found.default}`]
    .filter(Boolean).join(' ');
}

// The example of a body, else one made from what its schema requires.
export function exampleOf(content, description) {
  const [named] = Object.values(content.examples ?? {});
  const schema = resolved(content.schema?.oneOf?.[0] ?? content.schema, description);
  const example = named?.value ?? schema?.examples?.[0] ?? madeFrom(schema, description);
  return example === undefined ? '' : JSON.stringify(example, null, 2);
}

function madeFrom(schema, description) {
  if (!schema?.properties) return undefined;
  const of = ([name, one]) => {
    const found = resolved(one, description);
    const value = found?.examples?.[0] ?? found?.default ?? found?.enum?.[0]
      ?? { string: '', integer: 0, number: 0, boolean: false, array: [] }[found?.type] ?? null;
    return [name, value];
  };
  const required = new Set(schema.required ?? []);
  return Object.fromEntries(Object.entries(schema.properties).filter(([name]) => required.has(name)).map(of));
}
