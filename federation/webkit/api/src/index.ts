import type { components, paths } from './hub.schema.ts'

export { answered, createApi, type Credentials } from './client.ts'
export { Problem, problemFrom, unreachable, type FieldFault } from './problem.ts'
export { upload } from './upload.ts'

export type HubPaths = paths
export type HubSchemas = components['schemas']

export type { components as ApplianceComponents, paths as AppliancePaths } from './appliance.schema.ts'
