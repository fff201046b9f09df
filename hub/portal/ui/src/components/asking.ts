import { translate } from '@fengsui/kit'
import { ElMessageBox } from 'element-plus'

/** Ask before something that cannot be taken back; true if the person agrees. */
export async function agreed(question: string): Promise<boolean> {
  try {
    await ElMessageBox.confirm(question, { type: 'warning', confirmButtonText: translate('act.confirm'), cancelButtonText: translate('act.cancel') })
    return true
  } catch {
    return false
  }
}

/** Ask for one line of text of up to 64 characters; undefined when the reader thinks better of it. */
export async function asked(question: string, present: string): Promise<string | undefined> {
  try {
    const given = await ElMessageBox.prompt('', question, {
      inputValue: present,
      inputValidator: (text) => text.trim().length > 0 && text.trim().length <= 64,
      inputErrorMessage: ' ',
      confirmButtonText: translate('act.save'),
      cancelButtonText: translate('act.cancel'),
    })
    return given.value.trim()
  } catch {
    return undefined
  }
}
