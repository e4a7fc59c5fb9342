// What an editor marks in a YAML file, and what it offers, by the language service of Red Hat's YAML server: the one in VS Code's
// extension *YAML*. Knows nothing of reclose, and asks no network.
//
//   node editor.js SCHEMA.json FILE.yaml…    one line of JSON for each file: {"marked":["LINE: MESSAGE"],"offered":["WORD"]}
//
// Words are offered where the file says <caret>, which the service does not see.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');

const installed = createRequire(path.resolve(__dirname, '../../target/npm/lab/package.json'));
const { getLanguageService } = installed('yaml-language-server');
const { TextDocument } = installed('vscode-languageserver-textdocument');

const CARET = '<caret>';
const [schema, ...files] = process.argv.slice(2);
const uri = pathToFileURL(schema).href;
const service = getLanguageService({
  schemaRequestService: async (asked) => {
    if (asked !== uri) throw new Error(`${asked} is not here`);
    return fs.readFileSync(schema, 'utf8');
  },
  workspaceContext: { resolveRelativePath: (relative, base) => new URL(relative, base).href },
});
service.configure({ validate: true, completion: true, schemas: [{ uri, fileMatch: ['*.yaml'] }] });

(async () => {
  for (const file of files) {
    const text = fs.readFileSync(file, 'utf8');
    const document = TextDocument.create(pathToFileURL(file).href, 'yaml', 1, text.replace(CARET, ''));
    const marks = await service.doValidation(document, false);
    const caret = text.indexOf(CARET);
    const words = caret < 0 ? [] : (await service.doComplete(document, document.positionAt(caret), false)).items;
    const marked = marks.map(({ range, message }) => `${range.start.line + 1}: ${message}`);
    console.log(JSON.stringify({ marked, offered: words.map(({ label }) => label) }));
  }
})();
