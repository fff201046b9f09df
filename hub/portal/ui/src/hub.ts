import { createApi, type HubPaths, type HubSchemas } from '@fengsui/api'
import { useSession } from '@fengsui/kit'

export type Algorithm = HubSchemas['Algorithm']
export type AlgorithmGroup = HubSchemas['AlgorithmGroup']
export type BareModel = HubSchemas['BareModel']
export type Capture = HubSchemas['Capture']
export type ChainNode = HubSchemas['ChainNode']
/** The client reads pairs as plain lists, so the region is one of lists here. */
export type EventRow = Omit<HubSchemas['EventRow'], 'region'> & { region: number[][] | null }
export type Presentation = HubSchemas['Presentation']
export type Candidate = HubSchemas['Candidate']
export type CodeMapping = HubSchemas['CodeMapping']
export type Criterion = HubSchemas['Criterion']
export type EnteredLicence = HubSchemas['EnteredLicence']
export type EventKind = HubSchemas['EventKind']
export type Finding = HubSchemas['Finding']
export type NodeDetail = HubSchemas['NodeDetail']
export type NodeRow = HubSchemas['Node']
export type Overview = HubSchemas['Overview']
export type PackageDraft = HubSchemas['PackageDraft']
export type Point = HubSchemas['Point']
export type Subscription = HubSchemas['Subscription']
export type Task = Omit<HubSchemas['Task'], 'region' | 'masks' | 'lines' | 'scenes'> & { region: number[][] | null; masks: number[][][]; lines: { points: number[][] }[] }
export type AlgorithmTemplate = HubSchemas['AlgorithmTemplate']
export type TemplateClass = HubSchemas['TemplateClass']
export type User = HubSchemas['User']
export type Verdict = HubSchemas['Verdict']

/** The hub's API, with the session of who is signed in. */
export const hub = createApi<HubPaths>({
  csrfToken: () => useSession().csrfToken,
  onSignedOut: () => useSession().forget(),
})

/** The address of an export with its filters; the session's cookie goes with it. */
export function exportAddress(path: string, filters: Record<string, string | undefined> = {}): string {
  const given = Object.entries(filters).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const query = new URLSearchParams(given).toString()
  return query === '' ? path : `${path}?${query}`
}
