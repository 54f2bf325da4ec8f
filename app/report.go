package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"io"
	"slices"
	"sort"
	"strings"

	"coverslip/annotate"
	"coverslip/storage"
	"coverslip/tiles"
)

// Sizes in a report: pixels of a picture's longer side, most shapes drawn on it.
const (
	reportPicture = 900
	reportShapes  = 2000
)

// WriteSlideReport writes the report of the slides of a case, or of one slide, as
// one HTML file that needs no other and prints on A4. It holds labels alone: what a
// person drew, or took over from a model; of sentences those that a person let
// stand. It says that it is for research use only, and who signed.
//
// Errors: those of reading labels and of w. A slide whose file is away has no
// picture.
func (s *Session) WriteSlideReport(ctx context.Context, w io.Writer, slides []annotate.ID, t ReportTemplate, p Progress) error {
	page := slidePage{Template: t, Project: s.Name(), Version: Version}
	f := findings{classes: map[string]classSum{}}
	palette := s.Palette()
	for i, id := range slides {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.report("Writing the report", i, len(slides))
		item, err := s.Slide(id)
		if err != nil {
			return err
		}
		set, err := s.Objects(id)
		if err != nil {
			return err
		}
		f.add(item, set, palette)
		part, err := s.slidePart(ctx, item, set, palette)
		if err != nil {
			return err
		}
		page.Slides = append(page.Slides, part)
		signed, err := s.Signatures(id)
		if err != nil {
			return err
		}
		for _, g := range signed {
			page.Signatures = append(page.Signatures, signedLine{g, item.Name})
		}
	}
	if len(page.Slides) == 0 {
		return fmt.Errorf("report: %w", ErrNoLabels)
	}
	page.Case, page.Patient = oneOf(page.Slides, func(i SlideItem) string { return i.Case }), oneOf(page.Slides, func(i SlideItem) string { return i.Patient })
	for _, section := range t.Sections {
		out := filledSection{Title: section.Title}
		for _, field := range section.Fields {
			line := filledField{Label: field.Label, Value: f.fill(field), Blank: field.Kind == FieldBlank}
			if field.Kind == FieldCaptions {
				line.Texts = f.captions
				if len(line.Texts) == 0 {
					line.Value = "none"
				}
			}
			out.Fields = append(out.Fields, line)
		}
		page.Sections = append(page.Sections, out)
	}
	html, err := template.New("report").Parse(reportStyle + slideReportPage)
	if err != nil {
		return err
	}
	return html.Execute(w, page)
}

// oneOf is what all slides say, or all that they say, each once.
func oneOf(slides []slidePart, of func(SlideItem) string) string {
	var all []string
	for _, sl := range slides {
		if v := of(sl.SlideItem); v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return strings.Join(all, ", ")
}

// slidePage is what the page of a case is filled with.
type slidePage struct {
	Template      ReportTemplate
	Project, Case string
	Patient       string
	Version       string
	Slides        []slidePart
	Sections      []filledSection
	Signatures    []signedLine
}

type filledSection struct {
	Title  string
	Fields []filledField
}

type filledField struct {
	Label, Value string
	Blank        bool
	Texts        []MachineText
}

type signedLine struct {
	storage.Signature
	On string // the slide
}

// slidePart is a slide in a report.
type slidePart struct {
	SlideItem
	Picture       template.URL // data:, "" when the file is away
	Width, Height int          // of the slide, for the shapes over the picture
	Shapes        []reportShape
	More          int // shapes that are not drawn
	Waiting       int // suggestions without a decision
	Legend        []legendLine
}

type reportShape struct {
	Path  string
	Color string
}

type legendLine struct {
	Name, Color string
	Count       int
}

// slidePart makes the picture of a slide with its labels.
func (s *Session) slidePart(ctx context.Context, item SlideItem, set *annotate.Set, palette annotate.Palette) (slidePart, error) {
	part := slidePart{SlideItem: item, Width: item.Width, Height: item.Height, Waiting: item.Suggestions}
	var labels []*annotate.Object
	set.All(func(o *annotate.Object) bool {
		if o.IsLabel() && !o.Class.IsZero() && o.ROI.IsArea() {
			labels = append(labels, o)
		}
		return true
	})
	slices.SortFunc(labels, func(a, b *annotate.Object) int {
		return cmp.Or(cmp.Compare(b.ROI.Area(), a.ROI.Area()), strings.Compare(a.ID.String(), b.ID.String()))
	})
	part.More = max(0, len(labels)-reportShapes)
	for _, o := range labels[:min(len(labels), reportShapes)] {
		if c := palette.ByID(o.Class); c != nil {
			part.Shapes = append(part.Shapes, reportShape{svgPath(o.ROI, float64(max(item.Width, item.Height))/reportPicture), hexColour(*c)})
		}
	}
	for _, c := range palette {
		if n := item.Classes[c.ID]; n > 0 {
			part.Legend = append(part.Legend, legendLine{c.Name, hexColour(c), n})
		}
	}
	picture, err := s.reportPicture(ctx, item)
	if err != nil && ctx.Err() != nil {
		return part, err
	}
	part.Picture = picture
	return part, nil
}

func hexColour(c annotate.Class) string {
	return fmt.Sprintf("#%02x%02x%02x", c.Color.R, c.Color.G, c.Color.B)
}

// reportPicture is a small picture of a slide as a data URL.
func (s *Session) reportPicture(ctx context.Context, item SlideItem) (template.URL, error) {
	t, _, err := s.find(ctx, item.Slide)
	if err != nil {
		return "", err
	}
	defer t.Close()
	seen, err := seenBy(ctx, t, true, tiles.Choice{})
	if err != nil {
		return "", err
	}
	m, err := tiles.ThumbnailOf(ctx, seen, image.Rect(0, 0, item.Width, item.Height), reportPicture)
	if err != nil {
		return "", err
	}
	onWhite(m)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 85}); err != nil {
		return "", err
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

// svgPath is an outline in level-0 pixels, without points nearer than step to the
// one before: the picture cannot show them.
func svgPath(roi annotate.ROI, step float64) string {
	var b strings.Builder
	ring := func(r annotate.Ring) {
		last := annotate.Point{}
		for i, p := range r {
			if i > 0 && i < len(r)-1 && max(p.X-last.X, last.X-p.X)+max(p.Y-last.Y, last.Y-p.Y) < step {
				continue
			}
			letter := "L"
			if i == 0 {
				letter = "M"
			}
			fmt.Fprintf(&b, "%s%.0f %.0f", letter, p.X, p.Y)
			last = p
		}
		b.WriteString("Z")
	}
	for _, p := range roi.Outline() {
		ring(p.Outer)
		for _, h := range p.Holes {
			ring(h)
		}
	}
	return b.String()
}

// WriteProjectReport writes how far a project is: slides seen and reviewed, labels
// by class, what each reader did, and how the models' suggestions fared by people's
// decisions.
func (s *Session) WriteProjectReport(ctx context.Context, w io.Writer, p Progress) error {
	page := projectPage{Project: s.Name(), Version: Version}
	palette := s.Palette()
	classes, readers := map[annotate.ID]int{}, map[string]*readerLine{}
	judged := map[annotate.ID]*scoreLine{}
	items := s.Slides()
	patients := map[string]bool{}
	for i, item := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.report("Writing the report", i, len(items))
		page.Slides = append(page.Slides, item)
		page.Labels += item.Labels
		page.Suggestions += item.Suggestions
		if item.Reviewed {
			page.Reviewed++
		}
		if item.Patient != "" {
			patients[item.Patient] = true
		}
		for c, n := range item.Classes {
			classes[c] += n
		}
		if err := s.countReaders(item.ID, readers); err != nil {
			return err
		}
		e, err := s.Evaluate(item.ID, nil, func(o *annotate.Object) bool {
			return o.Review.Decision != annotate.Undecided && o.By.Model != "" && !o.Class.IsZero()
		})
		if err != nil {
			return err
		}
		page.Judged += e.Judged
		page.Right += e.Right
		for _, c := range e.Classes {
			l := judged[c.Class]
			if l == nil {
				l = &scoreLine{}
				judged[c.Class] = l
			}
			l.Truth += c.Truth
			l.Right += c.Right
			l.Suggested += c.Suggested
		}
	}
	page.Patients = len(patients)
	most := 1
	for _, n := range classes {
		most = max(most, n)
	}
	for _, c := range palette {
		if n := classes[c.ID]; n > 0 {
			page.Classes = append(page.Classes, barLine{c.Name, hexColour(c), n, 100 * float64(n) / float64(most)})
		}
		if l := judged[c.ID]; l != nil {
			l.Name = c.Name
			page.Scores = append(page.Scores, *l)
		}
	}
	for name, r := range readers {
		r.Name = name
		page.Readers = append(page.Readers, *r)
	}
	sort.Slice(page.Readers, func(i, j int) bool { return page.Readers[i].Name < page.Readers[j].Name })
	html, err := template.New("report").Parse(reportStyle + projectReportPage)
	if err != nil {
		return err
	}
	return html.Execute(w, page)
}

// projectPage is what the page of a project is filled with.
type projectPage struct {
	Project, Version    string
	Slides              []SlideItem
	Patients            int
	Reviewed            int
	Labels, Suggestions int
	Classes             []barLine
	Readers             []readerLine
	Scores              []scoreLine
	Judged, Right       int
}

type barLine struct {
	Name, Color string
	Count       int
	Percent     float64
}

type readerLine struct {
	Name                                 string
	Drawn, Accepted, Rejected, Reclassed int
}

// scoreLine is how suggestions of a class fared.
type scoreLine struct {
	Name                    string
	Truth, Right, Suggested int
}

// Precision is the share of right ones among the suggestions, in percent.
func (l scoreLine) Precision() string { return percent(l.Right, l.Suggested) }

// Recall is the share of those of the class that were suggested as such.
func (l scoreLine) Recall() string { return percent(l.Right, l.Truth) }

func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// Accuracy is the share of suggestions that people let stand.
func (p projectPage) Accuracy() string { return percent(p.Right, p.Judged) }

// Share is how much of the tissue was looked at, in percent.
func (p projectPage) Share(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

// countReaders counts what each person did on a slide.
func (s *Session) countReaders(slide annotate.ID, readers map[string]*readerLine) error {
	set, err := s.Objects(slide)
	if err != nil {
		return err
	}
	of := func(name string) *readerLine {
		if readers[name] == nil {
			readers[name] = &readerLine{}
		}
		return readers[name]
	}
	set.All(func(o *annotate.Object) bool {
		switch {
		case o.Kind == annotate.Annotation:
			of(o.By.Author).Drawn++
		case o.Review.Decision == annotate.Accepted:
			of(o.Review.By).Accepted++
		case o.Review.Decision == annotate.Rejected:
			of(o.Review.By).Rejected++
		case o.Review.Decision == annotate.Reclassed:
			of(o.Review.By).Reclassed++
		}
		return true
	})
	return nil
}
