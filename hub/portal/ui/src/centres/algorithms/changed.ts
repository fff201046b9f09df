import { useQueryClient } from '@tanstack/vue-query'

const SHOWN = ['algorithms', 'algorithm', 'algorithm-groups', 'algorithm-licences', 'algorithm-templates', 'event-code-mappings', 'event-types', 'models-for-template', 'tasks']

/** Give what reads anew all that a change of the repository shows in, on this page and in the tabs behind it. */
export function useRepositoryChanged(): () => Promise<unknown> {
  const queries = useQueryClient()
  return () => Promise.all(SHOWN.map((name) => queries.invalidateQueries({ queryKey: [name] })))
}
