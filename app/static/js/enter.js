// Enters a new workspace by itself; without JavaScript there is the button.
document.getElementById("enter").requestSubmit();
