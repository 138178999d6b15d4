import { extname } from 'node:path';

/**
 * Opening one of these runs it, or hands what is in it to something that runs: programs and scripts, installers, disk images, shortcuts and
 * addresses that stand for another file, settings that change the system, documents with macros.
 */
const RUNS: ReadonlySet<string> = new Set(
  [
    'accdb accde action ade adp appimage appinstaller application appref-ms appx appxbundle bash bat bin bz cab chm class cmd com command cpl',
    'crx csh deb desktop deskthemepack diagcab diagcfg diagpkg dll dmg docm dotm drv exe flatpakref fileloc fish gadget grp hlp hta htm html',
    'img inetloc inf ins iqy iso isp jar jnlp job js jse ksh library-ms lnk mad maf mag mam mda mdb mde mht mhtml mobileconfig mpkg msc msh',
    'msh1 msh2 msi msix msixbundle msp mst msu ocx oqy osd out pcd pif pkg pl plg potm ppam ppsm pptm prf prg ps1 ps1xml ps2 psc1 psc2 psd1',
    'psdm1 psm1 py pyc pyo pyw pyz rb rdp reg rpm rqy run scf scpt scptd scr sct search-ms searchconnector-ms settingcontent-ms sh shb shs',
    'shtml sldm slk snap svg sys terminal theme themepack tool udl url vb vbe vbp vbs vhd vhdx vxd wcx webloc website wim workflow ws wsc',
    'wsf wsh xbap xhtml xla xlam xll xlm xlsb xlsm xltm xnk xpi zsh',
  ].flatMap((line) => line.split(' ')),
);

/** Whether a file is a program to this or another platform, by the last part of its name. */
export function runs(path: string): boolean {
  // Windows drops dots and spaces at the end of a name, and takes what is behind a colon for another stream of the same file.
  const name = path.replace(/^.*[\\/]/s, '');
  return [name, name.replace(/:.*$/s, '')].some((each) =>
    RUNS.has(
      extname(each.replace(/[. ]+$/, ''))
        .slice(1)
        .toLowerCase(),
    ),
  );
}
