// Reading of the OpenAPI document: references, and examples made from schemas.

/** How deep an example goes; schemas may refer to themselves. */
const MAX_DEPTH = 8;

/** The schema that a reference stands for. */
export function resolve(document, schema) {
  let found = schema ?? {};
  for (let step = 0; found.$ref && step < MAX_DEPTH; step += 1) {
    found = found.$ref.split("/").slice(1).reduce((at, key) => at?.[key], document) ?? {};
  }
  return found;
}

/** A schema without the alternative `null`. */
function withoutNull(document, schema) {
  const found = resolve(document, schema);
  const alternatives = found.anyOf ?? found.oneOf;
  const one = alternatives?.find((other) => resolve(document, other).type !== "null");
  return one ? withoutNull(document, one) : found;
}

/** The values that a schema allows, if it lists them. */
export function choices(document, schema) {
  const found = withoutNull(document, schema);
  if (found.enum) return found.enum;
  const alternatives = found.oneOf ?? [];
  const constants = alternatives.map((other) => resolve(document, other).const);
  return constants.length && constants.every((value) => value !== undefined) ? constants : undefined;
}

/** Whether a schema is a list, and of what. */
export function itemsOf(document, schema) {
  const found = withoutNull(document, schema);
  return found.type === "array" || found.type?.includes?.("array") ? found.items ?? {} : undefined;
}

/** A value that a schema allows, to start from. */
export function example(document, schema, depth = 0) {
  // A default may stand beside a reference.
  if (schema?.default !== undefined) return schema.default;
  const found = resolve(document, schema);
  if (found.default !== undefined) return found.default;
  if (found.const !== undefined) return found.const;
  const types = [found.type].flat();
  if (types.includes("null")) return null;
  const alternatives = found.anyOf ?? found.oneOf;
  if (alternatives) {
    const resolved = alternatives.map((other) => resolve(document, other));
    if (resolved.some((other) => other.type === "null")) return null;
    return example(document, resolved[0], depth + 1);
  }
  if (found.enum) return found.enum[0];
  if (depth > MAX_DEPTH) return null;
  if (found.properties) {
    const entries = Object.entries(found.properties);
    return Object.fromEntries(entries.map(([name, inner]) => [name, example(document, inner, depth + 1)]));
  }
  if (types.includes("array")) return [];
  if (types.includes("object")) return {};
  if (types.includes("integer") || types.includes("number")) return found.minimum ?? 0;
  if (types.includes("boolean")) return false;
  return "";
}
