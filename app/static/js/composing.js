// Whether a key belongs to an input method, such as the Enter that takes a word: browsers tell in one of two ways.
function isComposing(event) { return event.isComposing || event.keyCode === 229; }
