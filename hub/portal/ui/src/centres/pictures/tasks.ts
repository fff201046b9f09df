import { answered } from '@fengsui/api'
import type { PictureTaskSource } from '@fengsui/kit'

import { hub } from '../../hub.ts'

type Names = Pick<PictureTaskSource, 'algorithmName' | 'eventName'>

/** The picture tasks of one box, as the hub asks it for them. */
export function tasksOf(node_id: string, names: Names): PictureTaskSource {
  return {
    key: node_id,
    list: async () => (await answered(hub.GET('/api/v1/nodes/{node_id}/picture-jobs', { params: { path: { node_id } } }))).items,
    sources: () => answered(hub.GET('/api/v1/nodes/{node_id}/footage', { params: { path: { node_id } } })),
    async upload(batch, name, file) {
      const kept = await answered(
        hub.PUT('/api/v1/nodes/{node_id}/footage/uploads/{batch}/{name}', {
          params: { path: { node_id, batch, name } },
          body: file as unknown as never,
          bodySerializer: (body: unknown) => body as Blob,
          headers: { 'Content-Type': 'application/octet-stream' },
        }),
      )
      return kept.name
    },
    order: (body) => answered(hub.POST('/api/v1/nodes/{node_id}/picture-jobs', { params: { path: { node_id } }, body })),
    act(job_id, act) {
      const params = { path: { node_id, job_id } }
      if (act === 'remove') return answered(hub.DELETE('/api/v1/nodes/{node_id}/picture-jobs/{job_id}', { params }))
      return answered(hub.POST(`/api/v1/nodes/{node_id}/picture-jobs/{job_id}/${act}`, { params }))
    },
    async results(job_id, after, limit) {
      const params = { path: { node_id, job_id }, query: { after: String(after), limit } }
      return (await answered(hub.GET('/api/v1/nodes/{node_id}/picture-jobs/{job_id}/results', { params }))).items
    },
    picture: (id, number) => `/api/v1/nodes/${encodeURIComponent(node_id)}/picture-jobs/${id}/results/${number}/picture`,
    ...names,
  }
}
