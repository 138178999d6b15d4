import { extname } from 'node:path';

/**
 * Opening one of these runs it, or hands what is in it to something that runs: programs and scripts, installers, disk images, shortcuts and
 * addresses that stand for another file, settings that change the system, documents with macros.
 */
const RUNS: ReadonlySet<string> = new Set(
  [
    'accdb accde action ade adp apk app appcontent-ms appimage appinstaller application appref-ms appx appxbundle asp aspx asx bas bash bat',
    'bin bz cab chi chm class cmd cnt com command cpl crt crx csc csh dart deb deskthemepack desktop dex diagcab diagcfg diagpkg dll dmg',
    'dmgpart docb docm dotm dqy drv efi exe fileloc fish flatpak flatpakref fon fxp gadget grp hlp hta htm html htt img imgpart inetloc inf',
    'ins iqy iso isp its jar jnlp job js jse ksh library-ms lnk mad maf mag mam mau mav maw mda mdb mde mdt mdw mdz mht mhtml mobileconfig',
    'mof mpkg msc msh msh1 msh2 msi msix msixbundle msp mst msu ndif ocx one onepkg ops oqy osas osax osd out pa pcd pif pkg pl plasmoid plg',
    'potm ppa ppam ppsm pptm prf prg ps1 ps1xml ps2 psc1 psc2 psd1 psdm1 psm1 pstreg pub py pyc pyd pyo pyw pyz pyzw rb rdp reg rgs rpm rqy',
    'run scf scpt scptd scr sct search-ms searchconnector-ms service settingcontent-ms sh shar shb shs shtml sldm slk smi snap sparsebundle',
    'sparseimage spl svg swf sys terminal theme themepack timer toast tool udif udl url vb vbe vbp vbs vbscript vhd vhdx vsmacros vsw vxd wcx',
    'webarchive webloc website wim wiz workflow ws wsc wsf wsh xbap xhtml xip xla xlam xll xlm xlsb xlsm xltm xnk xpi xrm-ms xsl zap zsh',
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
