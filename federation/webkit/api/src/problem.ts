/** One field at fault, as RFC 9457 extension member `errors`. */
export interface FieldFault {
  readonly field: string
  readonly message: string
}

/** An answer that is not a success: what the server said, or that it could not be reached. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly errors: readonly FieldFault[]

  constructor(given: { status: number; code: string; detail: string; errors?: readonly FieldFault[] }) {
    super(given.detail)
    this.name = 'Problem'
    this.status = given.status
    this.code = given.code
    this.errors = given.errors ?? []
  }
}

/** Read a problem+json body of unknown shape; `status` is that of the response. */
export function problemFrom(body: unknown, status: number): Problem {
  const given = isRecord(body) ? body : {}
  return new Problem({
    status,
    code: typeof given.code === 'string' ? given.code : `http_${status}`,
    detail: typeof given.detail === 'string' ? given.detail : `HTTP ${status}`,
    errors: Array.isArray(given.errors) ? given.errors.filter(isFieldFault) : [],
  })
}

/** The problem that no answer came at all. */
export function unreachable(): Problem {
  return new Problem({ status: 0, code: 'unreachable', detail: 'The server cannot be reached.' })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isFieldFault(value: unknown): value is FieldFault {
  return isRecord(value) && typeof value.field === 'string' && typeof value.message === 'string'
}
