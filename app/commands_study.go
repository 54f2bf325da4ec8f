package app

// studyCommands are the lines of the menu for several readers and for figures.
func studyCommands() []Command {
	return []Command{
		{ID: "study.assign", Title: "Give slides to a reader…", Menu: MenuStudy, Also: "blinded second read assignment"},
		{ID: "study.collect", Title: "Collect a reading…", Menu: MenuStudy},
		{ID: "study.merge", Title: "Merge another project…", Menu: MenuStudy},
		{ID: "study.readings", Title: "Readings…", Menu: MenuStudy},
		{ID: "study.agree", Title: "Agreement between readers…", Menu: MenuStudy},
		{ID: "study.adjudicate", Title: "Settle between two readers…", Menu: MenuStudy},
		{ID: "study.take", Title: "Take this reader's label over", Menu: MenuStudy, Key: "Ctrl+Shift+Y"},
		{ID: "study.vote", Title: "Suggest what most readers drew", Menu: MenuStudy},
		{ID: "study.staple", Title: "Suggest what STAPLE makes of the readers", Menu: MenuStudy},
		{ID: "study.evaluate", Title: "Evaluate on labels set aside…", Menu: MenuStudy},
	}
}
