// "The one arrow" of ARCHITECTURE.md: one rule a sentence, with its reason as the message.
const pure = '^shared/';
const types = { dependencyTypesNot: ['type-only'] };

/** One rule: from here to there is forbidden. */
function forbid(name, comment, from, to) {
  return { name, comment, severity: 'error', from, to };
}

export default {
  forbidden: [
    forbid(
      'shared-imports-only-shared',
      'shared/ is what both sides agree on: it can know neither of them.',
      { path: pure },
      { path: '^(electron|renderer|build|test)/' },
    ),
    forbid(
      'shared-is-pure',
      'shared/ runs in Node and in the page alike, so it uses the API of neither: no node: module and no package that needs one.',
      { path: pure },
      { dependencyTypes: ['core'] },
    ),
    forbid(
      'shared-imports-few-packages',
      'shared/ takes from npm only what is pure computation itself: the XML reader, the SDP codec, the schemas, the file-name rules.',
      { path: pure },
      { path: 'node_modules/', pathNot: 'node_modules/(@types/)?(saxes|xmlchars|sdp-transform|valibot|filenamify)/' },
    ),
    forbid(
      'renderer-knows-only-shared',
      'The page talks to the client core through the contract of shared/ipc alone; so the same page runs in Electron and in a browser.',
      { path: '^renderer/' },
      { path: '^(electron|build|test)/' },
    ),
    forbid('renderer-is-a-page', 'The page is sandboxed: there is no Node in it.', { path: '^renderer/' }, { dependencyTypes: ['core'] }),
    forbid(
      'electron-does-not-import-the-page',
      'The main process serves the built page and never runs its code.',
      { path: '^electron/' },
      { path: '^(renderer|build|test)/' },
    ),
    forbid(
      'nothing-imports-the-shell',
      'The shell is the outermost ring: shell -> app -> services. Without it the same core runs headless.',
      { path: '^electron/', pathNot: '^electron/shell/' },
      { path: '^electron/shell/' },
    ),
    forbid(
      'app-is-above-the-services',
      'The composition root builds the rest from ports; only the two hosts (shell, headless) stand above it. A port file carries types alone.',
      { path: '^electron/', pathNot: '^electron/(app|shell|headless)/' },
      { path: '^electron/app/', ...types },
    ),
    forbid(
      'services-are-above-the-engines',
      'sip, msrp, store, xcap and diagnostics are engines that do not know what they are used for: services -> engines, never back.',
      { path: '^electron/(sip|msrp|store|xcap|diagnostics)/' },
      { path: '^electron/(services|app|shell|headless)/' },
    ),
    forbid(
      'engines-do-not-know-each-other',
      'sip, msrp, store, xcap and diagnostics meet in the services alone, so each can be tested and replaced by itself.',
      { path: '^electron/(sip|msrp|store|xcap|diagnostics)/' },
      { path: '^electron/(sip|msrp|store|xcap|diagnostics)/', pathNot: '^electron/$1/' },
    ),
    forbid(
      'home-network-imports-shared-and-msrp',
      'The embedded network is no part of the client: two ends that share a SIP parser agree on its mistakes and prove nothing. Of the client it has the MSRP engine alone, by its front: that one is proven by tshark, by the relay of Kamailio and by peers that play written octets.',
      { path: '^electron/home-network/' },
      { path: '^electron/', pathNot: '^electron/(home-network/|imap/|sqlite/|msrp/(port|engine|limits|passage|chunk-size)\\.ts$)' },
    ),
    forbid(
      'digest-knows-no-protocol',
      'electron/digest answers challenges, whoever was challenged: the registrar, an XCAP server, a relay.',
      { path: '^electron/digest/' },
      { path: '^electron/', pathNot: '^electron/digest/' },
    ),
    forbid(
      'sqlite-knows-no-schema',
      'electron/sqlite opens, migrates and serves whatever database it is given: it knows none of them.',
      { path: '^electron/sqlite/' },
      { path: '^electron/|^shared/', pathNot: '^(electron/sqlite|shared/base)/' },
    ),
    forbid(
      'sqlite-stands-behind-ports',
      'SQL is written where the data are kept: in the store and in the databases of the home network.',
      { path: '^electron/', pathNot: '^electron/(sqlite|store|home-network)/' },
      { path: '^electron/sqlite/' },
    ),
    forbid(
      'only-the-demo-imports-the-home-network',
      "Only app's composition of the demo and the two hosts start an embedded network; the client works the same against a real SIP core.",
      { path: '^electron/', pathNot: '^electron/(app|headless|shell|home-network)/' },
      { path: '^electron/home-network/' },
    ),
    forbid(
      'protocol-imports-only-grammar',
      'A wire format depends on the vocabulary and on the grammars it is written in (xml, multipart, mime, SIP headers), on no other format.',
      { path: '^shared/protocol/([^/]+)/' },
      { path: '^shared/', pathNot: '^shared/(base|protocol/(xml|multipart|mime|sip|$1))/' },
    ),
    forbid(
      'only-sqlite-imports-better-sqlite3',
      'Databases are opened in one place, with the same care, and are used in a worker.',
      { pathNot: '^(electron/sqlite|test)/' },
      { path: '(^|node_modules/)(@types/)?better-sqlite3(/|$)' },
    ),
    forbid(
      'imap-knows-no-history',
      'electron/imap signs in to whatever mail server it is given and knows nothing of what it is asked to keep.',
      { path: '^electron/imap/' },
      { path: '^electron/|^shared/', pathNot: '^(electron/imap|shared/base)/' },
    ),
    forbid(
      'only-imap-imports-imapflow',
      'imapflow stands behind one port, for whoever writes into a message store and whoever reads it.',
      { pathNot: '^(electron/imap|test)/' },
      { path: '(^|node_modules/)imapflow(/|$)' },
    ),
    forbid(
      'only-sip-imports-sip-js',
      'sip.js stands behind one port: its quirks are known in one folder and it can be replaced there.',
      { pathNot: '^(electron/sip|test)/' },
      { path: '(^|node_modules/)sip\\.js(/|$)' },
    ),
    forbid(
      'only-the-shell-imports-electron',
      'Everything but the shell runs without Electron: in tests, headless, in a browser.',
      { pathNot: '^electron/shell/|^build/electron-launcher/' },
      { path: '^electron$|node_modules/electron/' },
    ),
    forbid(
      'no-circular',
      'A cycle has no bottom to start loading, reading or testing from. Types count: what two files ask of each other belongs in a third.',
      {},
      { circular: true },
    ),
    forbid(
      'no-orphans',
      'A file that nothing imports and that starts nothing is dead.',
      { orphan: true, pathNot: '\\.d\\.ts$|^build/|^test/|(^|/)(main|worker|preload)\\.ts$' },
      {},
    ),
    forbid(
      'not-to-unresolvable',
      'An import that leads nowhere fails at run time.',
      {},
      { couldNotResolve: true, pathNot: '\\.css$|^virtual:' },
    ),
    forbid(
      'product-imports-no-tests',
      'What ships does not depend on what tests it.',
      { path: '^(shared|electron|renderer)/' },
      { path: '^(test|build)/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist)/' },
    // Types count: a layer that names another layer's types knows that layer, and a cycle of types is one.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types', 'svelte'],
      extensions: ['.ts', '.js', '.mjs', '.svelte', '.json', '.d.ts'],
    },
  },
};
