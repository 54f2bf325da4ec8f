package app

import "coverslip/annotate"

// shapeExplanations are those of shaping annotations and of classes.
func shapeExplanations() []explanation {
	return []explanation{
		{is(ErrTwoAreas), "This needs more areas", "Choose two or more areas with Shift+click, then do it again; the exclusive or takes exactly two."},
		{is(ErrNothingCut), "Nothing was cut", "Draw the line right across an area, from outside to outside; locked areas are not cut."},
		{is(ErrNothingToPaste), "There is nothing to paste", "Copy annotations first, here or as GeoJSON from another program."},
		{is(ErrOffSlide), "The shape would reach beyond the slide", "Make it smaller, or move it away from the edge first."},
		{is(ErrClassName), "The class needs a name of its own", "Give it a name that no other class has, retired ones included."},
		{is(ErrClassParent), "A class cannot stand above itself", "Choose another parent."},
		{is(annotate.ErrClasses), "%s holds no classes", "Choose a file that Coverslip exported, or classes.json of a QuPath project."},
		{is(annotate.ErrTooLarge), "The shapes have too many corners together", "Simplify them first (menu Annotations), or work on fewer at once."},
		{is(annotate.ErrNoArea), "No area would be left", "Nothing was changed."},
	}
}
