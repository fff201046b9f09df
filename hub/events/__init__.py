"""Events 事件: custody's receiving end, pictures, adjudication 研判."""
