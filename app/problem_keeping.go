package app

import "coverslip/storage"

// keepingExplanations are those of saving, signing in and signing.
func keepingExplanations() []explanation {
	return []explanation{
		{is(ErrUnsaved), "The last edit is not saved", "It is kept in memory. Free some space or put the disk back, then choose Save again; nothing else is taken until then."},
		{is(storage.ErrBroken), "The disk does not take what is written", "What was saved before is safe. Save a copy of the project on another disk, and check this one."},
		{is(storage.ErrNetworkDrive), "%s lies on a network drive", "Copy its folder to this computer to work on it, and copy it back afterwards; it can be opened there with --read-only."},
		{is(storage.ErrPassphrase), "The passphrase is not the right one", "Try again, mind Caps Lock. Nobody can read a forgotten passphrase: an administrator enters you anew then."},
		{is(storage.ErrShortPassphrase), "The passphrase is too short", "Take eight characters or more, some words are best."},
		{is(storage.ErrNameTaken), "Another profile has that name", "Choose that profile, or give this one another name."},
		{is(storage.ErrUnknownUser), "The project has no such profile", "Choose a profile of the list."},
		{is(ErrSessionLocked), "The session is locked", "Unlock it with Ctrl+L."},
		{is(ErrNotAllowed), "Your role in this project does not allow it", "Ask a reviewer or an administrator of the project."},
		{is(ErrNoProfile), "Signing needs a profile with a passphrase", "Choose who you are in the status bar, and give the profile a passphrase."},
		{is(ErrLastAdministrator), "A project needs one administrator", "Make somebody else an administrator first."},
	}
}
