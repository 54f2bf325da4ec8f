package app

// keepingCommands are the lines about who works, what was done, and how it is
// kept, of two menus.
func keepingCommands() []Command {
	return []Command{
		{ID: "keep.sign", Title: "Sign the labels of this slide…", Menu: MenuFile, Also: "signature"},
		{ID: "keep.audit", Title: "Export the edit log…", Menu: MenuFile},
		{ID: "keep.copy", Title: "Save a copy of the project…", Menu: MenuFile},
		{ID: "keep.take", Title: "Work on a copy on this computer", Menu: MenuFile},
		{ID: "keep.send", Title: "Send the working copy back", Menu: MenuFile},
		{ID: "keep.people", Title: "People of the project…", Menu: MenuFile},
		{ID: "keep.passphrase", Title: "Change your passphrase…", Menu: MenuFile, Also: "password"},
		{ID: "keep.lock", Title: "Lock the session", Menu: MenuFile, Key: "F12"},

		{ID: "keep.history", Title: "History of the selected label…", Menu: MenuEdit, Key: "Ctrl+H"},
		{ID: "keep.trash", Title: "Deleted labels…", Menu: MenuEdit, Key: "Ctrl+Shift+H", Also: "trash undelete restore recover bin"},
		{ID: "keep.deleteBecause", Title: "Delete with a reason…", Menu: MenuEdit, Key: "Shift+Delete"},
		{ID: "keep.again", Title: "Save the last edit again", Menu: MenuEdit},
		{ID: "keep.giveUp", Title: "Give the last edit up", Menu: MenuEdit},
	}
}
