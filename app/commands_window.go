package app

// windowCommands are those of panes, panels and lists.
func windowCommands() []Command {
	return []Command{
		{ID: "view.beside", Title: "Open the next slide beside", Menu: MenuView, Key: "Shift+U"},
		{ID: "view.twice", Title: "Show this slide in one more pane", Menu: MenuView, Key: "Shift+V"},
		{ID: "view.addPane", Title: "Add an empty pane", Menu: MenuView},
		{ID: "view.closePane", Title: "Close this pane", Menu: MenuView, Key: "Ctrl+Shift+W"},
		{ID: "view.nextPane", Title: "Go to the next pane", Menu: MenuView, Key: "F6"},
		{ID: "view.link", Title: "Move panes together", Menu: MenuView, Key: "Ctrl+L"},
		{ID: "view.register", Title: "Register slides by points…", Menu: MenuView, Key: "Ctrl+Shift+L"},
		{ID: "view.forgetRegistration", Title: "Forget the registration", Menu: MenuView},
		{ID: "view.darkTheme", Title: "Dark theme", Menu: MenuView, Hidden: true},
		{ID: "view.lightTheme", Title: "Light theme", Menu: MenuView, Hidden: true},
		{ID: "view.highContrast", Title: "High-contrast theme", Menu: MenuView},
		{ID: "file.importGeoJSON", Title: "Import annotations (GeoJSON, XML, COCO …)…", Menu: MenuFile},
		{ID: "view.filterSlides", Title: "Filter slides", Menu: MenuView, Key: "Ctrl+P"},
		{ID: "view.groupCases", Title: "Group slides by case", Menu: MenuView},
		{ID: "view.markReviewed", Title: "Mark slide as reviewed", Menu: MenuView, Key: "Y"},
	}
}
