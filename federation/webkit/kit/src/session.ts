import { answered, createApi, type HubPaths, type HubSchemas } from '@fengsui/api'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

export type SessionInfo = HubSchemas['SessionInfo']

/** Who is signed in; hub and panel answer the same routes. */
export const useSession = defineStore('session', () => {
  const info = ref<SessionInfo | null>(null)
  const expired = ref(false)

  const client = createApi<HubPaths>({
    csrfToken: () => info.value?.csrf_token ?? null,
    onSignedOut: forget,
  })

  const user = computed(() => info.value?.user ?? null)
  const mustChangePassword = computed(() => info.value?.must_change_password ?? false)
  const csrfToken = computed(() => info.value?.csrf_token ?? null)

  function may(permission: string | undefined): boolean {
    return permission === undefined || (user.value?.permissions.includes(permission) ?? false)
  }

  function forget(): void {
    expired.value = info.value !== null
    info.value = null
  }

  /** Ask the server whether a session is there; quiet when there is none. */
  async function restore(): Promise<void> {
    const { data, response } = await client.GET('/api/v1/session')
    info.value = response.ok && data !== undefined ? data : null
  }

  async function signIn(username: string, password: string): Promise<void> {
    info.value = await answered(client.POST('/api/v1/session', { body: { username, password } }))
    expired.value = false
  }

  async function changePassword(old: string, fresh: string): Promise<void> {
    await answered(client.PUT('/api/v1/session/password', { body: { old, new: fresh } }))
    await restore()
  }

  async function signOut(): Promise<void> {
    await client.DELETE('/api/v1/session')
    info.value = null
  }

  return { user, csrfToken, expired, mustChangePassword, may, forget, restore, signIn, changePassword, signOut }
})
