import { Problem, problemFrom, unreachable } from './problem.ts'

/** Post one file and report how much has gone; fetch() cannot tell, so this is XMLHttpRequest. */
export function upload<Result>(given: {
  url: string
  body: Blob
  contentType: string
  csrfToken: string | null
  onProgress?: (share: number) => void
}): Promise<Result> {
  return new Promise((resolve, reject: (problem: Problem) => void) => {
    const request = new XMLHttpRequest()
    request.open('POST', given.url)
    request.setRequestHeader('Content-Type', given.contentType)
    if (given.csrfToken !== null) request.setRequestHeader('X-CSRF-Token', given.csrfToken)
    request.upload.onprogress = (step) => {
      if (step.lengthComputable) given.onProgress?.(step.loaded / step.total)
    }
    request.onerror = () => reject(unreachable())
    request.onload = () => {
      const body = parsed(request.responseText)
      if (request.status < 400) resolve(body as Result)
      else reject(problemFrom(body, request.status))
    }
    request.send(given.body)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
