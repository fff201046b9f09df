import { createApi, type ApplianceComponents, type AppliancePaths } from '@fengsui/api'
import { useSession } from '@fengsui/kit'

type Schemas = ApplianceComponents['schemas']
export type Camera = Schemas['Camera']
export type Tried = Schemas['Tried']
export type EventRow = Schemas['EventRow']
export type Plan = Schemas['CapturePlan']
export type PlanDraft = Schemas['PlanDraft']
export type PlanRow = Schemas['PlanRow']
export type Snapshot = Schemas['SnapshotRow']
export type SnapshotFigures = Schemas['SnapshotFigures']
export type Status = Schemas['Status']

/** The appliance's API, with the session of who is signed in. */
export const appliance = createApi<AppliancePaths>({
  csrfToken: () => useSession().csrfToken,
  onSignedOut: () => useSession().forget(),
})
