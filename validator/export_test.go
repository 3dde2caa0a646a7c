package validator

// Place is the name of the check on which an explanation would blame the refusal.
func (e *Error) Place() string { return e.place(nil) }
