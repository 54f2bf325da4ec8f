package app

// reviewCommands are those of looking at suggestions, and of finding patches.
func reviewCommands() []Command {
	return []Command{
		{ID: "review.strip", Title: "Review: one suggestion, large", Menu: MenuSuggest, Key: "F7"},
		{ID: "review.grid", Title: "Review: many at once", Menu: MenuSuggest, Key: "Shift+F7"},
		{ID: "review.order", Title: "Order of the queue…", Menu: MenuSuggest, Key: "Shift+O"},
		{ID: "review.rules", Title: "Rules: what a person must look at…", Menu: MenuSuggest},
		{ID: "review.rest", Title: "Accept what the rules let pass", Menu: MenuSuggest},
		{ID: "review.blind", Title: "Label first, then look", Menu: MenuSuggest, Key: "Shift+K"},
		{ID: "review.edit", Title: "Edit the suggestion's shape", Menu: MenuSuggest, Key: "Shift+E"},
		{ID: "review.regions", Title: "Merge suggestions into regions", Menu: MenuSuggest, Key: "Shift+J"},
		{ID: "view.heatClassScore", Title: "Heat map: probability of the class in hand", Menu: MenuView},
		{ID: "view.heatUnsure", Title: "Heat map: how uncertain the model is", Menu: MenuView},
		{ID: "search.open", Title: "Find patches by words…", Menu: MenuSuggest, Key: "Ctrl+F"},
		{ID: "search.like", Title: "Find patches like the selection", Menu: MenuSuggest, Key: "Ctrl+J"},
	}
}
