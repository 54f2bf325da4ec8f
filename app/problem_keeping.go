package app

import "coverslip/storage"

// keepingExplanations are those of saving, signing in and signing.
func keepingExplanations() []explanation {
	return []explanation{
		{is(ErrUnsaved), "The last edit is not saved", "It is kept in memory. Free some space or put the disk back, then choose Save again; nothing else is taken until then."},
		{as[*RoomError], "The disk is too full for %s", "Free some space, or choose another disk; nothing was left half written."},
		{is(storage.ErrBroken), "The disk does not take what is written", "What was saved before is safe. Save a copy of the project on another disk, and check this one."},
		{is(storage.ErrNetworkDrive), "%s lies on a network drive", "It can be looked at there with --read-only. Work on a copy on this computer: coverslipctl project take PROJECT COPY makes it, project send COPY sends it back."},
		{as[*storage.AheadError], "%s was changed meanwhile", "Both stay as they are. Export the labels of this copy, take a new working copy, and import them there."},
		{is(storage.ErrNoOrigin), "%s is no working copy", "Open the copy that was made of the project on the network drive."},
		{is(storage.ErrOtherProject), "Another project lies in %s now", "Put the project back to where the working copy was taken from; both stay as they are."},
		{is(storage.ErrPassphrase), "The passphrase is not the right one", "Try again, mind Caps Lock. Nobody can read a forgotten passphrase: an administrator enters you anew then."},
		{is(storage.ErrShortPassphrase), "The passphrase is too short", "Take eight characters or more, some words are best."},
		{is(storage.ErrNameTaken), "Another profile has that name", "Choose that profile, or give this one another name."},
		{is(storage.ErrUnknownUser), "The project has no such profile", "Choose a profile of the list."},
		{is(ErrSessionLocked), "The session is locked", "Unlock it in the window first."},
		{is(ErrNotAllowed), "Your role in this project does not allow it", "Ask a reviewer or an administrator of the project."},
		{is(ErrNoProfile), "Signing needs a profile with a passphrase", "Choose who you are in the status bar, and give the profile a passphrase."},
		{is(ErrLastAdministrator), "A project needs one administrator", "Make somebody else an administrator first."},
		{is(storage.ErrNotProject), "%s is not a Coverslip project", "Choose a folder that Coverslip made (its name usually ends in .coverslip), or make a new project."},
		{is(storage.ErrExists), "%s is there already", "Open it, or choose another folder."},
		{is(storage.ErrOwnFile), "A project cannot be backed up onto itself", "Name another file for the backup."},
		{is(storage.ErrMoved), "The project's file was moved, deleted or replaced while it was open", "Put the file back and open the project again; what was saved before is in it."},
		{is(storage.ErrLocked), "%s is open in another window or program", "Close the project there and try again."},
		{is(storage.ErrNewer), "%s was written by a newer Coverslip", "Update Coverslip on this computer; nothing in the project was changed."},
		{is(storage.ErrReadOnly), "%s is open read-only", "Open it without the read-only option, from a place where you may write."},
		{as[*storage.DamageError], "%s is damaged", "Nothing was changed. Repair it: the window offers that, or coverslipctl project check --repair PROJECT. It takes the journal or a backup, keeps the damaged file, and says what it recovered. Then check the disk."},
		{is(storage.ErrUnknownSlide), "The project has no such slide", "List its slides with: coverslipctl project list PROJECT."},
		{is(storage.ErrUnknownClass), "There is no such class", "Choose one of the project's classes."},
		{is(storage.ErrClassInUse), "The class is in use", "Retire it instead of taking it away."},
		{is(storage.ErrNothingToUndo), "There is nothing to undo", "Every change of this slide has been taken back."},
		{is(storage.ErrNothingToRedo), "There is nothing to redo", "Redo is there after an undo, until the next change."},
	}
}
