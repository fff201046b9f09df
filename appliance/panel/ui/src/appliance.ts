import { createApi, type ApplianceComponents, type AppliancePaths } from '@fengsui/api'
import { useSession } from '@fengsui/kit'

type Schemas = ApplianceComponents['schemas']
export type Camera = Schemas['Camera']
export type Tried = Schemas['Tried']
export type FoundDevice = Schemas['FoundDevice']
export type DeviceDescription = Schemas['DeviceDescription']
/** What a form is filled in with before somebody looks it through. */
export interface CameraDraft {
  id: string
  name: string
  url: string
  username: string
  password: string
  onvif_url: string
  turns: boolean
}
export type EventRow = Schemas['EventRow']
export type Snapshot = Schemas['SnapshotRow']
export type SnapshotFigures = Schemas['SnapshotFigures']
export type Status = Schemas['Status']

/** The appliance's API, with the session of who is signed in. */
export const appliance = createApi<AppliancePaths>({
  csrfToken: () => useSession().csrfToken,
  onSignedOut: () => useSession().forget(),
})
