/** One field of a parameters' form, read from JSON Schema. */
export interface ParameterField {
  readonly name: string
  readonly kind: 'number' | 'integer' | 'boolean' | 'text' | 'choice' | 'choices'
  readonly title: string
  readonly hint: string
  readonly choices: readonly string[]
  readonly minimum: number | undefined
  readonly maximum: number | undefined
}

type Schema = Readonly<Record<string, unknown>>

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

function bound(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function kindOf(schema: Schema): ParameterField['kind'] {
  if (schema.type === 'boolean' || schema.type === 'number' || schema.type === 'integer') return schema.type
  if (schema.type === 'array') return 'choices'
  return strings(schema.enum).length > 0 ? 'choice' : 'text'
}

/** The fields that a JSON Schema of an object describes; titles in `language` where the schema has them. */
export function fieldsOf(schema: unknown, language: string): ParameterField[] {
  const properties = isSchema(schema) && isSchema(schema.properties) ? schema.properties : {}
  return Object.entries(properties)
    .filter((entry): entry is [string, Schema] => isSchema(entry[1]))
    .map(([name, given]) => {
      const items = isSchema(given.items) ? given.items : {}
      const suffix = language.startsWith('zh') ? 'zh' : 'en'
      return {
        name,
        kind: kindOf(given),
        title: text(given[`title_${suffix}`]) || text(given[`x-title-${suffix}`]) || text(given.title) || name,
        hint: text(given[`description_${suffix}`]) || text(given.description),
        choices: given.type === 'array' ? strings(items.enum) : strings(given.enum),
        minimum: bound(given.minimum) ?? bound(given.exclusiveMinimum),
        maximum: bound(given.maximum) ?? bound(given.exclusiveMaximum),
      }
    })
}
