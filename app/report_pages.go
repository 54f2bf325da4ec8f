package app

// reportStyle is the look of reports: dark on white, A4, tables that keep their
// heads, and no colour that a printer needs.
const reportStyle = `{{define "head"}}<meta charset="utf-8"><style>
@page { size: A4; margin: 16mm 15mm; }
body { font: 10.5pt/1.45 "Inter", "Helvetica Neue", Arial, sans-serif; color: #1c1f24; max-width: 180mm; margin: 12mm auto; padding: 0 6mm; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
h1 { font-size: 19pt; line-height: 1.2; margin: 0 0 1mm; } h2 { font-size: 12.5pt; margin: 8mm 0 2mm; break-after: avoid; }
.sub { color: #5a6270; margin: 0 0 5mm; } .use { border: 1px solid #1c1f24; padding: 1.5mm 3mm; font-weight: 600; margin: 4mm 0; }
table { border-collapse: collapse; width: 100%; } thead { display: table-header-group; } tr { break-inside: avoid; }
th { text-align: left; font-weight: 600; color: #5a6270; font-size: 9pt; border-bottom: 1px solid #9aa3b0; padding: 1.2mm 3mm 1.2mm 0; }
td { border-bottom: 1px solid #e3e6eb; padding: 1.4mm 3mm 1.4mm 0; vertical-align: top; } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.label { width: 62mm; color: #3c434e; } figure { margin: 4mm 0; break-inside: avoid; } .pic { position: relative; display: inline-block; border: 1px solid #c9ced6; max-width: 100%; }
.pic img { display: block; max-width: 100%; max-height: 150mm; } .pic svg { position: absolute; inset: 0; width: 100%; height: 100%; }
figcaption { font-size: 9.5pt; color: #3c434e; margin-top: 1.5mm; } .key { display: inline-block; margin-right: 4mm; white-space: nowrap; } .key i { display: inline-block; width: 3mm; height: 3mm; margin-right: 1.2mm; border: 1px solid #0004; }
.said { font-size: 9pt; color: #5a6270; } .line { display: block; border-bottom: 1px solid #9aa3b0; height: 7mm; } .none { color: #5a6270; }
.bar { height: 4mm; display: block; } .bar rect { stroke: #0004; stroke-width: .5; } footer { margin-top: 10mm; font-size: 8.5pt; color: #5a6270; border-top: 1px solid #c9ced6; padding-top: 2mm; }
</style>{{end}}
{{define "use"}}<p class="use">For research use only. Not for diagnosis.</p>{{end}}
{{define "foot"}}<footer>Made by Coverslip {{.}}. Labels are what people drew, or took over from a model; suggestions without a decision are not in this report.</footer>{{end}}
`

// slideReportPage is the report of a slide or a case.
const slideReportPage = `<!doctype html><html lang="en"><head><title>{{.Template.Title}}</title>{{template "head"}}</head><body>
<h1>{{.Template.Title}}</h1>
<p class="sub">{{if .Case}}Case {{.Case}} · {{end}}{{if .Patient}}Patient {{.Patient}} · {{end}}{{len .Slides}} slide{{if gt (len .Slides) 1}}s{{end}} · Project {{.Project}}</p>
{{template "use"}}
{{range .Sections}}<h2>{{.Title}}</h2><table>{{range .Fields}}<tr><td class="label">{{.Label}}</td><td>{{if .Blank}}<span class="line"></span><span class="line"></span>{{else}}{{.Value}}{{range .Texts}}<div>{{.Text}}<div class="said">{{.Sentence}}</div></div>{{end}}{{end}}</td></tr>{{end}}</table>{{end}}
<h2>Slides</h2>
{{range .Slides}}<figure>{{if .Picture}}<span class="pic"><img src="{{.Picture}}" alt="{{.Name}}"><svg viewBox="0 0 {{.Width}} {{.Height}}" preserveAspectRatio="none">{{range .Shapes}}<path d="{{.Path}}" fill="{{.Color}}" fill-opacity=".18" stroke="{{.Color}}" stroke-width="2" vector-effect="non-scaling-stroke" fill-rule="evenodd"/>{{end}}</svg></span>{{else}}<p class="none">The file of this slide is away; there is no picture.</p>{{end}}
<figcaption><strong>{{.Name}}</strong> · {{.Labels}} labels{{if .Reviewed}} · reviewed by {{.Reviewer}}{{end}}{{if .Waiting}} · {{.Waiting}} suggestions wait for a decision and are not counted{{end}}{{if .More}} · {{.More}} small shapes are not drawn{{end}}<br>{{range .Legend}}<span class="key"><i style="background:{{.Color}}"></i>{{.Name}} {{.Count}}</span>{{end}}</figcaption></figure>{{end}}
<h2>Signature</h2>
{{if .Signatures}}<table><thead><tr><th>Name</th><th>Role</th><th>Meaning</th><th>Slide</th><th>Time (UTC)</th></tr></thead>{{range .Signatures}}<tr><td>{{.Name}}</td><td>{{.Role}}</td><td>{{.Meaning}}</td><td>{{.On}}</td><td>{{.At.UTC.Format "2006-01-02 15:04"}}</td></tr>{{end}}</table>{{else}}<table><tr><td class="label">Not signed in the program. Name</td><td><span class="line"></span></td></tr><tr><td class="label">Date, signature</td><td><span class="line"></span></td></tr></table>{{end}}
{{template "foot" .Version}}</body></html>
`

// projectReportPage is the report of a project.
const projectReportPage = `<!doctype html><html lang="en"><head><title>{{.Project}}</title>{{template "head"}}</head><body>
<h1>{{.Project}}</h1>
<p class="sub">{{len .Slides}} slides of {{.Patients}} named patients · {{.Labels}} labels · {{.Suggestions}} suggestions wait · {{.Reviewed}} slides reviewed</p>
{{template "use"}}
<h2>Labels by class</h2>
{{if .Classes}}<table><thead><tr><th>Class</th><th></th><th class="n">Labels</th></tr></thead>{{range .Classes}}<tr><td class="label">{{.Name}}</td><td><svg class="bar" width="100%" height="14" role="img"><rect x="0.5" y="0.5" height="13" width="{{printf "%.2f" .Percent}}%" fill="{{.Color}}"/></svg></td><td class="n">{{.Count}}</td></tr>{{end}}</table>{{else}}<p class="none">No labels yet.</p>{{end}}
<h2>Readers</h2>
{{if .Readers}}<table><thead><tr><th>Reader</th><th class="n">Drawn</th><th class="n">Accepted</th><th class="n">Reclassed</th><th class="n">Rejected</th></tr></thead>{{range .Readers}}<tr><td>{{if .Name}}{{.Name}}{{else}}(no name){{end}}</td><td class="n">{{.Drawn}}</td><td class="n">{{.Accepted}}</td><td class="n">{{.Reclassed}}</td><td class="n">{{.Rejected}}</td></tr>{{end}}</table>{{else}}<p class="none">Nobody has labelled yet.</p>{{end}}
<h2>How the models' suggestions fared</h2>
{{if .Judged}}<p>{{.Right}} of {{.Judged}} suggestions that a person decided on had the class that the person let stand ({{.Accuracy}}). People decided on what they were shown first, so this is not the accuracy on a sample of the tissue.</p>
<table><thead><tr><th>Class</th><th class="n">Suggested</th><th class="n">Let stand</th><th class="n">Share of suggested</th><th class="n">Share of the class</th></tr></thead>{{range .Scores}}<tr><td>{{.Name}}</td><td class="n">{{.Suggested}}</td><td class="n">{{.Right}}</td><td class="n">{{.Precision}}</td><td class="n">{{.Recall}}</td></tr>{{end}}</table>{{else}}<p class="none">No suggestion was decided on.</p>{{end}}
<h2>Progress by slide</h2>
<table><thead><tr><th>Slide</th><th>Case</th><th class="n">Tissue seen</th><th class="n">Labels</th><th class="n">Waiting</th><th class="n">Rejected</th><th>Reviewed by</th></tr></thead>{{range .Slides}}<tr><td>{{.Name}}</td><td>{{.Case}}</td><td class="n">{{$.Share .Seen}}</td><td class="n">{{.Labels}}</td><td class="n">{{.Suggestions}}</td><td class="n">{{.Rejected}}</td><td>{{if .Reviewed}}{{.Reviewer}}{{end}}</td></tr>{{end}}</table>
{{template "foot" .Version}}</body></html>
`
