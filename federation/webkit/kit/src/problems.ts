import { Problem } from '@fengsui/api'
import { ElMessage } from 'element-plus'

import { translate, translates } from './language.ts'

/** Say in the reader's language what went wrong, with the server's own words where we have none. */
export function describeProblem(problem: unknown): string {
  if (!(problem instanceof Problem)) return problem instanceof Error ? problem.message : String(problem)
  const known = `problem.${problem.code}`
  const said = translates(known) ? translate(known) : problem.message
  const faults = problem.errors.slice(0, 3).map((fault) => `${fault.field}: ${fault.message}`)
  return [said, ...faults.filter((fault) => !said.includes(fault))].join(' · ')
}

/** Show what went wrong in a passing message; an ended session needs none, as the sign-in page opens. */
export function showProblem(problem: unknown): void {
  if (problem instanceof Problem && problem.code === 'not_signed_in') return
  ElMessage.error({ message: describeProblem(problem), showClose: true, duration: 6000, grouping: true })
}

/** Run something that may fail; show the problem and return undefined if it does. */
export async function attempted<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work()
  } catch (problem) {
    showProblem(problem)
    return undefined
  }
}
