import createClient, { type Client, type Middleware } from 'openapi-fetch'

import { Problem, problemFrom, unreachable } from './problem.ts'

/** What every request needs to know of the signed-in person. */
export interface Credentials {
  /** The token that goes with every request that changes something. */
  csrfToken: () => string | null
  /** Called when the server no longer knows the session. */
  onSignedOut: () => void
}

const READS = ['GET', 'HEAD']

/** Make a client of the API whose OpenAPI paths are `Paths`; the session travels in a cookie. */
export function createApi<Paths extends {}>(credentials: Credentials): Client<Paths> {
  const client = createClient<Paths>({ baseUrl: '/', credentials: 'same-origin' })
  client.use(guard(credentials))
  return client
}

function guard(credentials: Credentials): Middleware {
  return {
    onRequest({ request }) {
      const token = credentials.csrfToken()
      if (token !== null && !READS.includes(request.method)) request.headers.set('X-CSRF-Token', token)
      return request
    },
    onResponse({ response, schemaPath }) {
      if (response.status === 401 && schemaPath !== '/api/v1/session') credentials.onSignedOut()
    },
    onError() {
      return unreachable()
    },
  }
}

interface Answer<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** Return what the server answered; throw a `Problem` if that was not a success. */
export async function answered<Data>(request: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await request
  if (response.ok) return data as Data
  throw error instanceof Problem ? error : problemFrom(error, response.status)
}
