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
